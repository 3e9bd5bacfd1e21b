// Writing: saving while one types, chips, the editor.

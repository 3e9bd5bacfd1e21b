//! The index's fields: each field of a message in its exact forms, prose in its stems too, and columns to sort and filter by.
use crate::TextRecord;
use crate::analysis::Style;
use crate::field::Field;
use tantivy::IndexSettings;
use tantivy::TantivyDocument;
use tantivy::schema::{FAST, Field as Column, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{PreTokenizedString, Token};

/// Names of the columns.
pub(super) const MESSAGE: &str = "message";
pub(super) const DATE: &str = "date";
pub(super) const SIZE: &str = "size";
pub(super) const ATTACHMENTS: &str = "attachments";

/// The schema, and its fields by number.
pub(super) struct Shape {
    pub(super) schema: Schema,
    exact: [Column; 5],
    stems: [Option<Column>; 5],
    message: Column,
    date: Column,
    size: Column,
    attachments: Column,
}

impl Shape {
    pub(super) fn new() -> Self {
        // Tokens are made by the analyzer, never by tantivy: any tokenizer that exists will do. Norms would only serve scores.
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("raw")
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let text = TextOptions::default().set_indexing_options(indexing);
        let mut schema = Schema::builder();
        let mut add = |name: &str| schema.add_text_field(name, text.clone());
        let exact = ["from", "to", "subject", "body", "attachment"].map(&mut add);
        let stems = [None, None, Some(add("subject_stem")), Some(add("body_stem")), Some(add("attachment_stem"))];
        let message = schema.add_i64_field(MESSAGE, FAST);
        let date = schema.add_i64_field(DATE, FAST);
        let size = schema.add_u64_field(SIZE, FAST);
        let attachments = schema.add_u64_field(ATTACHMENTS, FAST);
        Self { schema: schema.build(), exact, stems, message, date, size, attachments }
    }

    pub(super) fn settings() -> IndexSettings {
        // Nothing is stored in documents, and no thread is to be left behind.
        IndexSettings { docstore_compress_dedicated_thread: false, ..IndexSettings::default() }
    }

    pub(super) fn exact(&self, field: Field) -> Column {
        self.exact[field.number()]
    }

    /// Where words are looked for: stems in prose, exact forms in names.
    pub(super) fn words(&self, field: Field) -> (Column, Style) {
        match self.stems[field.number()] {
            Some(stems) => (stems, Style::Prose),
            None => (self.exact(field), Style::Names),
        }
    }

    /// A message as tantivy takes it.
    pub(super) fn document(&self, record: &TextRecord) -> TantivyDocument {
        let mut document = TantivyDocument::default();
        for field in Field::ALL {
            let tokens = field.tokens(record).list;
            let mut exact = Vec::with_capacity(tokens.len());
            let mut stems = Vec::new();
            for token in tokens {
                let make = |text| Token {
                    offset_from: 0,
                    offset_to: 0,
                    position: token.position as usize,
                    text,
                    position_length: 1,
                };
                stems.extend(token.stem.map(make));
                exact.push(make(token.text));
            }
            if !exact.is_empty() {
                document.add_pre_tokenized_text(
                    self.exact(field),
                    PreTokenizedString { text: String::new(), tokens: exact },
                );
            }
            if let (Some(column), false) = (self.stems[field.number()], stems.is_empty()) {
                document.add_pre_tokenized_text(column, PreTokenizedString { text: String::new(), tokens: stems });
            }
        }
        document.add_i64(self.message, record.message);
        document.add_i64(self.date, record.date);
        document.add_u64(self.size, record.size);
        document.add_u64(self.attachments, record.attachments.len() as u64);
        document
    }
}

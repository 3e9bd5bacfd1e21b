// Tables: filters that act at once.

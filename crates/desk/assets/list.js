// Lists: rows that come while one scrolls, ticks, filters.

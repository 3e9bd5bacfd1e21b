// The account's pages.

"""Decode documents that are made of pages, or packed into archives: PDF, Word, OpenDocument, EPUB."""

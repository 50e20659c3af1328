"""What uploads are made of: documents and their parts, the kinds of these, and what an upload claims to be."""

from screening.content.documents import Content, Document, Link, Part, Picture, Text

__all__ = ["Content", "Document", "Link", "Part", "Picture", "Text"]

"""What the pages of promotions and gates show, as plain values; templates only lay them out."""

from gates.pages.review import ReviewPage, review_page

__all__ = ["ReviewPage", "review_page"]

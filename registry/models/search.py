"""Words that rows are found by: derived from them, kept beside them, never part of the record."""

from django.db import models

from registry.words import LONGEST


class SearchWord(models.Model):
    """One word of one row; `registry.search_words` alone writes it, in the row's own change."""

    #: Label of the row's model, such as `registry.release`.
    noun = models.CharField(max_length=60)
    #: The row's key, as its database writes it for a text.
    key = models.CharField(max_length=36)
    #: UTF-8: bytes are ordered alike by both databases, letters by the collation of each.
    word = models.BinaryField(max_length=4 * LONGEST)

    class Meta:
        default_permissions = ()
        constraints = [
            # Also the index that a word is looked up in.
            models.UniqueConstraint(fields=["noun", "word", "key"], name="searchword_once"),
        ]
        indexes = [models.Index(fields=["noun", "key", "word"], name="searchword_of_row")]

    def __str__(self):
        return f"{bytes(self.word).decode()} in {self.noun}:{self.key}"


class SearchedNoun(models.Model):
    """From which fields the words of a noun were made, so that another list makes them anew."""

    noun = models.CharField(max_length=60, primary_key=True)
    made_of = models.TextField()

    class Meta:
        default_permissions = ()

    def __str__(self):
        return self.noun

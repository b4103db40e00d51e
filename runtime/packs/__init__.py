"""Evidence packs: all that a promotion or an environment rests on, in one archive to be checked."""

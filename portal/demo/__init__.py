"""The demo: real public models, an invented insurer, and half a year of its record.

Tables of facts stand in `people`, `places`, `purposes`, `catalogue` and `prompts`; `files` writes
evidence in the form of the tools that make it; `stories` tell what people did, one use case each;
`seeding` tells them in the order of time, through the public verbs alone.
"""

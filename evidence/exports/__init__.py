"""What is recorded, in the words of other tools: CycloneDX bills of materials and model cards.

`gathering` reads what the reader may see, `cyclonedx` and `cards` are pure and write it down,
`missing` names what neither can say. What maps to what stands in `docs/exports.md`.
"""

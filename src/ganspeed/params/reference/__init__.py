"""The reference of params.yaml, made of the blocks that check it: a schema, its keys, and how they are shown."""

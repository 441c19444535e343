"""The model card beside an exported model: ``README.md``, pictures, and the entry for OpenModelDB."""

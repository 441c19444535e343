"""The JSON Schema of the configuration, by which editors complete, explain and check its YAML files."""

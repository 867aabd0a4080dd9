"""Where tables are kept: folders of Parquet, DuckDB, SQLite, single files."""

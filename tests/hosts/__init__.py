"""The switches that one suite of tests runs on: pocket, and FreeSWITCH itself."""

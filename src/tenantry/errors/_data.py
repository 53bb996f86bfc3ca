"""Codes of files, tables, prediction definitions and training data: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {
    "file_not_found": (
        "There is no file at that path.",
        "Check the path; it is taken relative to the current folder.",
    ),
    "file_empty": ("The file has no rows.", "Export the table again with its header and at least 50 rows."),
    "target_missing": (
        "The target column is not in the table.",
        "Name one of the table's columns as the target; names are compared exactly.",
    ),
    "target_all_null": ("The target has no value in any row.", "Choose a column with known outcomes."),
    "target_one_class": (
        "The target has one value only, so there is nothing to tell apart.",
        "Add examples of the other outcome.",
    ),
    "nothing_to_learn": (
        "No model is surely better than guessing, so none was registered; a champion goes on serving.",
        "Bring more rows, or columns that have to do with the outcome; `unproven: keep` registers it all the same.",
    ),
    "too_few_rows": (
        "There are too few rows with a known outcome to learn from.",
        "Bring at least 50 rows, and at least 10 of each outcome.",
    ),
    "no_usable_columns": (
        "Every column was left out by a check, so no feature remains.",
        "Look at the findings for the reason of each, and include a column by name if you know better.",
    ),
    "definition_invalid": (
        "The prediction definition has faults.",
        "Correct the fields that the message names; name and target are required.",
    ),
    "split_impossible": (
        "The column that is to part the rows (group or time) cannot.",
        "Name a column with several values (for time: dates or numbers), of which no outcome has one alone.",
    ),
    "type_mismatch": (
        "A column's values do not fit the type that the definition gives it.",
        "Correct the values that the message shows, or choose another type (`category` and `text` fit any value).",
    ),
    "type_unknown": (
        "The definition gives a column a type that can only be found.",
        "Leave the column out with `exclude` instead, or choose another type.",
    ),
    "column_missing": (
        "A column that is asked for is not in the table.",
        "Names are compared exactly; look at the table's header.",
    ),
    "file_unreadable": (
        "The path is there, but cannot be read as a file.",
        "Give the path of a file (not a folder) that this user may read.",
    ),
    "file_binary": (
        "The file is not text, and not Parquet either.",
        "Export the table as CSV, Parquet or JSON lines.",
    ),
    "file_spreadsheet": (
        "The file is a spreadsheet.",
        "Open it in the spreadsheet program and save the sheet as CSV (UTF-8).",
    ),
    "file_archive": (
        "The file is an archive or is compressed in another way than gzip.",
        "Unpack it; a single table may be compressed with gzip.",
    ),
    "file_markup": (
        "The file is a web page or XML, not a table.",
        "A download link often gives a log-in page; download the table itself.",
    ),
    "file_truncated": (
        "The file ends too early, or its inner structure is broken.",
        "Copy or export the file again, and compare the sizes.",
    ),
    "file_encoding": (
        "The bytes are no text in the encoding that was named, or in any that can be told.",
        "Name the encoding (--encoding; ?encoding= of an upload), or save the file as UTF-8.",
    ),
    "encoding_unknown": (
        "There is no text encoding of that name.",
        "Take one of the names that the message offers, such as utf-8, cp1250, shift_jis or gb18030.",
    ),
    "delimiter_invalid": (
        "The delimiter is not one sign that can stand between values.",
        "Give one sign such as ';' or '@', or a name: tab, space, comma, semicolon, colon, pipe.",
    ),
    "line_too_long": (
        "One line is longer than a table's row can be.",
        "Check that the file has line ends, and that no quote is left open.",
    ),
    "quote_unclosed": (
        "A quoted field is opened and never closed.",
        "Close the quote in the row that the message names, or double quotes that belong to the text.",
    ),
    "row_ragged": (
        "A row has another number of fields than the header.",
        "Correct that row; text that holds the delimiter or a line end must be quoted.",
    ),
    "row_invalid": (
        "A row cannot be read.",
        "Correct the row that the message names.",
    ),
    "json_invalid": (
        "A line is not a JSON object.",
        "Write one JSON object per line; a JSON array is not taken.",
    ),
    "column_duplicate": (
        "Two columns have the same name.",
        "Give every column a name of its own.",
    ),
    "column_blank": (
        "A column has no name.",
        "Name every column in the header; pandas writes a nameless first column unless index=False.",
    ),
    "column_name_long": (
        "A column's name is too long.",
        "Shorten the header; check that the first row is a header at all.",
    ),
    "too_many_columns": (
        "The table has more columns than this version takes.",
        "Keep the columns that may matter, at most 2,000.",
    ),
    "table_too_long": (
        "The table has more rows than this version takes.",
        "Take the most recent 5,000,000 rows, or a random sample.",
    ),
    "file_too_large": (
        "The file is larger than this version takes.",
        "Take a sample of the rows, or leave out columns with long texts.",
    ),
    "table_kind": (
        "The object is no table that can be read.",
        "Pass a pandas or polars data frame, an Arrow table, or a two-dimensional NumPy array.",
    ),
    "target_type": (
        "The target is not something that can be predicted in that way.",
        "Choose a column of a few outcomes or of numbers, or set the task to what the target is.",
    ),
    "too_many_classes": (
        "The target has more different outcomes than a model can tell apart.",
        "Join rare outcomes into groups, or choose a number as the target.",
    ),
    "positive_class": (
        "The positive class is not one of the target's two outcomes.",
        "Write it exactly as it stands in the table.",
    ),
    "deep_not_installed": (
        "The deep search needs a package that is not installed.",
        "Install the extra: pip install 'tenantry[deep]', or train with effort: standard.",
    ),
    "budget_exhausted": (
        "The budget of CPU seconds ended before there was any model.",
        "Give a larger budget, or fewer rows or columns.",
    ),
}

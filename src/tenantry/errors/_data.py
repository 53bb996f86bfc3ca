"""Codes of files, tables, prediction definitions and training data: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {
    "file_not_found": ("There is no file at that path.", "Check the path; it is taken relative to the current folder."),
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
    "too_few_rows": (
        "There are too few rows with a known outcome to learn from.",
        "Bring at least 50 rows, and at least 10 of each outcome.",
    ),
    "no_usable_columns": (
        "Every column was left out by a check, so no feature remains.",
        "Look at the findings for the reason of each, and include a column by name if you know better.",
    ),
}

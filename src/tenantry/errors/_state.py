"""Codes of settings, the database, blobs and the registry: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {
    "setting_invalid": (
        "A setting has a value that cannot be used.",
        "Correct the environment variable that the message names; docs/settings.md lists what each takes.",
    ),
    "database_unavailable": (
        "The database does not answer.",
        "Check TENANTRY_DATABASE_URL, and that the home folder exists, is writable and has room.",
    ),
    "database_busy": (
        "Another process holds the database's write lock for too long.",
        "Try again; if it lasts, look for a stopped process that has the database open.",
    ),
    "database_newer": (
        "The database was written by a newer tenantry.",
        "Upgrade this installation, or point it at another home folder.",
    ),
    "database_corrupt": (
        "The database file is damaged, or is no database.",
        "Restore it from a copy; the file that the message names is left as it is.",
    ),
    "database_unsupported": (
        "This installation cannot speak to that kind of database.",
        "Use SQLite (the default) or PostgreSQL with its driver psycopg installed.",
    ),
    "storage_unavailable": (
        "The folder of the stored files cannot be read or written.",
        "Check that the home folder exists, is writable, and has room.",
    ),
    "blob_corrupt": (
        "Stored bytes do not have the digest that they are named by.",
        "Restore the file from a copy, or train again; nothing is served from it.",
    ),
    "insights_missing": (
        "This version was trained before tenantry kept insights, or without them.",
        "Train the prediction again; 'what-if' works with every version.",
    ),
    "similar_missing": (
        "This version keeps no sample of the records that it was learnt from.",
        "Train the prediction again, with 'similar_records' on if its definition turns it off.",
    ),
    "receipt_missing": (
        "A model version cannot be registered without a passed parity receipt for its plan.",
        "Register what 'train' produced; a bundle made by hand needs the parity gate to run first.",
    ),
    "bundle_incomplete": (
        "A file of the bundle is missing or changed, so no version or alias may point to it.",
        "Save the bundle again, then register or promote again.",
    ),
    "alias_moved": (
        "The alias was moved by somebody else in the meantime.",
        "Read the alias again, and decide anew.",
    ),
    "no_rollback": (
        "The alias has no earlier version to go back to.",
        "Promote the version that you want by its number.",
    ),
    "rules_changed": (
        "The routing rules were changed by somebody else in the meantime.",
        "Read the rules again, and make the change to what they are now.",
    ),
    "tag_invalid": (
        "A version's tags cannot be kept.",
        "Use at most 32 tags; names of letters, digits, '.', '_' and '-', values of at most 200 characters.",
    ),
    "attribute_invalid": (
        "A tenant's attributes cannot be kept.",
        "Use at most 64 attributes with names of letters, digits, '.', '_' and '-'.",
    ),
    "policy_builtin": (
        "A built-in SLO class cannot be removed.",
        "Set it to other figures, or name another class in the deployment.",
    ),
    "policy_in_use": (
        "Deployments use the SLO class.",
        "Give them another class with 'tenantry model policy' first.",
    ),
    "rollout_running": (
        "The model has a rollout that is running.",
        "Follow it with 'tenantry canary status', or stop it first with 'tenantry canary stop'.",
    ),
    "rollout_ended": (
        "The rollout has ended.",
        "Look at its decision with 'tenantry canary list', or start another.",
    ),
    "rollout_invalid": (
        "The rollout could never come to a decision as it is asked for.",
        "Mend what the message names; docs/rollouts.md says what each objective needs.",
    ),
}

"""Codes of tenants, keys, names and permissions: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {
    "tenant_name": (
        "The text is not a tenant name.",
        "Use 1–63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit.",
    ),
    "bad_name": (
        "The text is not a usable name.",
        "Use letters, digits, '.', '_' and '-', beginning and ending with a letter or digit.",
    ),
    "unauthenticated": (
        "The request carries no valid key.",
        "Send 'Authorization: Bearer <key>' with a key made by 'tenantry key create'.",
    ),
    "forbidden": (
        "The key's role may not do this.",
        "Ask an admin for a key with the role that the message names.",
    ),
    "tenant_exists": ("A tenant of that name exists already.", "Use it as it is, or choose another name."),
    "key_role": (
        "The role does not fit the owner of the key.",
        "Operator keys belong to no tenant; admin, builder, scorer and viewer keys belong to one.",
    ),
    "not_found": ("There is no such thing for this tenant.", "List what exists; names are compared exactly."),
}

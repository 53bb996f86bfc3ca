"""Codes of the control API and the command line: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {
    "tenant_required": (
        "The call is about one tenant's things, and does not say which tenant.",
        "Name the tenant: --tenant on the command line, or the header X-Tenant with an operator's key.",
    ),
    "tenant_unknown": (
        "An operator's call names a tenant that does not exist.",
        "List the tenants with 'tenantry tenant list', or make it with 'tenantry tenant create'.",
    ),
    "body_value": (
        "The request's body is JSON, but not of the shape that the path takes.",
        "Mend the field that the message names; /openapi.json describes the body.",
    ),
    "upload_empty": (
        "The upload holds no file.",
        "Send the file's bytes as the body, or as the field 'file' of a multipart form.",
    ),
    "job_running": (
        "The job has not ended yet.",
        "Follow it with 'tenantry job show', or cancel it first.",
    ),
    "export_format": ("The format is unknown.", "The formats are onnx and plan."),
    "server_unreachable": (
        "The server does not answer at that address.",
        "Start it with 'tenantry up', check --server, or leave --server out to work in the home folder.",
    ),
    "server_reply": (
        "What answered at that address is not a tenantry server, or another version of it.",
        "Check --server: it is the URL of the control API, such as http://127.0.0.1:8000.",
    ),
    "internal": ("A defect of tenantry's own.", "Try again with --debug, and report what is logged."),
    "server_refused": (
        "The server answered a call with an error.",
        "Read the server's own words in the message; its log says more.",
    ),
    "server_start": (
        "A server of the command's own did not start.",
        "Read the end of its log in the message; a folder that cannot be written or a used port are the usual causes.",
    ),
}

"""Codes of the jobs area: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {
    "job_lost": (
        "The worker of the job died or stopped answering, as often as the job may be tried.",
        "Look at the worker's log for the reason (memory, most often), then start the job again.",
    ),
    "schedule_invalid": (
        "The schedule cannot be kept.",
        "Give a period of whole minutes, at least one, and an offset within the period.",
    ),
}

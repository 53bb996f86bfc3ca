"""Codes of the jobs area: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {
    "job_lost": (
        "The worker of the job died or stopped answering, as often as the job may be tried.",
        "Look at the worker's log for the reason (memory, most often), then start the job again.",
    ),
    "schedule_invalid": (
        "The schedule cannot be kept.",
        "Give a period of whole minutes, at least one and at most a year, and an offset within the period.",
    ),
    "schedule_target_gone": (
        "The prediction or the data set that a schedule trains is gone.",
        "Put it back under its name, or end the schedule with 'tenantry schedule remove'.",
    ),
    "job_crashed": (
        "The process that did the job's work ended without a result.",
        "Look at the worker's log; too little memory is the usual reason. The job is tried again by itself.",
    ),
    "job_not_mine": (
        "The job was cancelled, or taken over by another worker.",
        "Look at the job: its present state says which.",
    ),
    "job_cancelled": (
        "Somebody asked for the job to stop.",
        "Start it again when it is wanted.",
    ),
    "job_memory": (
        "The work needs more memory than this machine gives.",
        "Train on fewer rows or columns, or on a larger machine.",
    ),
}

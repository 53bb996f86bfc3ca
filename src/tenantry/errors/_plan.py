"""Codes of model plans and bundles: code → (meaning, what to do next)."""

CODES: dict[str, tuple[str, str]] = {
    "plan_corrupt": (
        "The plan file fails its checksum or its bounds.",
        "Verify the model version, and promote or train another one.",
    ),
    "plan_version": (
        "The plan file has a format version that this build does not read.",
        "Use the tenantry release that wrote it, or train again.",
    ),
    "plan_limit": (
        "The model is larger than the plan format allows.",
        "Train with fewer or smaller members.",
    ),
    "parity_failed": (
        "The compiled plan does not score as the trained pipeline does.",
        "This is a defect: keep the data snapshot and report it; nothing was registered.",
    ),
    "record_value": (
        "A value has a type that no column takes (a list or an object).",
        "Send text, a number, true, false or null.",
    ),
    "bundle_corrupt": (
        "A file of the model's bundle is missing or changed.",
        "Roll back to a version that verifies, or train again.",
    ),
    "bundle_invalid": (
        "The files do not make a whole bundle.",
        "A bundle needs its plan, scorecard, model card and reference, and a parity receipt of that very plan.",
    ),
    "onnx_not_installed": (
        "The export to ONNX needs packages that are not installed.",
        "Install the extra: pip install 'tenantry[onnx]'.",
    ),
    "onnx_column": (
        "A column of the model is of a kind that no ONNX graph has an input for: a list, a place, words of any script.",
        "Serve the plan itself, or train without that column.",
    ),
    "onnx_no_columns": (
        "A model without input columns cannot be an ONNX graph.",
        "Train with at least one feature column.",
    ),
    "onnx_differs": (
        "The exported graph does not score as the plan does, so it was not written.",
        "This is a defect: keep the model and report it; the plan itself is not affected.",
    ),
    "predictor_corrupt": (
        "The file is no saved predictor, or a part of it is missing or changed.",
        "Save the predictor again; a file is read only when every part has its recorded digest.",
    ),
}

"""The reading functions of :mod:`tenantry.plan.parse` with the same results, by the C kernel."""

from tenantry.plan.parse import Csr, category_word, parse_dates, parse_numbers, text_matrix, tokens

__all__ = ["Csr", "category_word", "parse_dates", "parse_numbers", "text_matrix", "tokens"]

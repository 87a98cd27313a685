"""Customer-base models: pure functions on arrays, one file for a model, fitted by maximum likelihood.

Each model says how customers come back and how they are lost: `bg_nbd`, `pareto_nbd` where they may buy
at any time and leave without a word; `bg_bb` where they may buy once a period; `shifted_bg` where a
contract is renewed or not; `gamma_gamma` says what a purchase is worth. Every fit returns a `Fit`.
"""

from __future__ import annotations

from cx_widgets.models._fit import Cancelled, Fit, OnStep, Progress

__all__ = ["Cancelled", "Fit", "OnStep", "Progress"]

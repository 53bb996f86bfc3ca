"""Insights and a sample of records of the plan in ``tests.serving.plans``, as a training would have left them."""

from tenantry.bundle import Insights, RecordSample
from tenantry.bundle.insights import Bin, Condition, Dependence, SampleColumn, Segment, Series
from tenantry.schema import SemanticType, Task

INSIGHTS = Insights(
    target="Churn",
    task=Task.BINARY,
    classes=("No", "Yes"),
    positive_class="Yes",
    score="probability that Churn is Yes",
    miss="probability that was given to the other outcome",
    rows=60,
    impact=(("Contract", 0.6), ("tenure", 0.4)),
    dependence=(
        Dependence(
            column="Contract",
            type=SemanticType.CATEGORY,
            impact=0.6,
            unit="category",
            records=50,
            bins=(
                Bin(label="Month-to-month", kind="word", count=40, share=0.6667, value="Month-to-month"),
                Bin(label="2 others", kind="other", count=20, share=0.3333),
            ),
            series=(
                Series(
                    name="Yes",
                    score=(0.5, None),
                    low=(0.2, None),
                    high=(0.8, None),
                    spread=(0.1, None),
                    outcome=(0.45, 0.1),
                    predicted=(0.46, 0.12),
                ),
            ),
        ),
    ),
    segments=(
        Segment(
            kind="too_low",
            conditions=(Condition(column="tenure", text="tenure ≤ 5", high=5.0),),
            text="where tenure ≤ 5: says 30 % on average, too low: 55 % happened (30 of 60 records)",
            rows=30,
            share=0.5,
            value=0.3,
            rest=0.55,
            p_value=0.001,
        ),
    ),
    segments_tried=40,
    similar_records=4,
)
SAMPLE = RecordSample(
    columns=(
        SampleColumn(name="Contract", values=("Month-to-month", "Two year"), codes=(0, 0, 1, -1)),
        SampleColumn(name="tenure", values=(2, 50), codes=(0, 1, 1, 0)),
    ),
    outcomes=("Yes", "No", "No", "Yes"),
    scores=(0.7, 0.4, 0.1, None),
    key=SampleColumn(name="id", values=("a", "b", "c", "d"), codes=(0, 1, 2, 3)),
    left_out=("MonthlyCharges", "signed"),
    total=60,
)

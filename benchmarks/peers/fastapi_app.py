"""FastAPI over a dictionary of sessions, loaded when they are first asked for."""

import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel
from sessions import open_session, score

app = FastAPI()
known = {}


class Row(BaseModel):
    x: list[float]


class Score(BaseModel):
    score: float


@app.get("/ready")
async def ready() -> bool:
    return True


@app.post("/predict/{model}")
async def predict(model: str, row: Row) -> Score:
    session = known.get(model)
    if session is None:
        session = known[model] = open_session(model)
    return Score(score=float(score(session, np.array([row.x], np.float32))[0]))

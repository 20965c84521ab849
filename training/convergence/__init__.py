"""The paper's claim, tested to convergence: one projector a run, captions only, seeds, equal steps and samples."""

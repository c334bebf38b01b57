"""GitOps for monitoring: files in git on one side, an account on a Dataloop server on the other."""

__version__ = "0.1.0"

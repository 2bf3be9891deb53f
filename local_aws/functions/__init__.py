"""AWS Lambda on one machine: each instance of a function is a process, as in Lambda.

As in Lambda: an instance serves one invocation at a time and is warm for the next; it has its own environment
variables, read by the handler's module at import, and its own TMPDIR; a handler that overruns its time is
killed with all that it started; one that dies, or that outgrows its memory, is replaced, and its error has
Lambda's own name; payload limits, error answers, log lines and metrics in logs have Lambda's shape; an event
that fails three times goes to the dead-letter queue.

Not as in Lambda:
- An instance is forked from a process that has the common libraries imported, and lives as long as the pool.
- A call above the concurrency waits some seconds before it is refused with 429, unless the concurrency is 0.
- Retries of an event come after seconds, not minutes.
- The process is not frozen between invocations, nor confined: it may write wherever its user may, import
  whatever this machine has, and use every core whatever its memory. Memory is looked at ten times a second,
  and that of its children is not.
- Functions are those of the component, in Python; a record in Lambda's API changes their concurrency alone.
  Functions of clients, updates, deletion, versions, aliases, layers, function URLs, event invoke
  configurations and response streams are refused by name. There is no client context and no X-Ray;
  LAMBDA_TASK_ROOT is not set, which turns powertools' Tracer off.
"""

from local_aws.functions.model import FunctionSpec, Invocation, InvokeRefused
from local_aws.functions.pool import FunctionPool
from local_aws.functions.routes import routes

__all__ = ["FunctionPool", "FunctionSpec", "Invocation", "InvokeRefused", "routes"]

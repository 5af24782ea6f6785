"""The agent against the plain tools, in the same run on the same machine.

One module a benchmark: ``python -m benchmarks.dump --size-mb 1000 --save``. It measures inside ``bench(...)``
with rows from ``data(...)`` and ends with ``Results(...).show(...)``, which prints the section and, with
``--save``, renews ``results/NAME.md`` and docs/performance.md.
"""

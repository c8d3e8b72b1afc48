"""The work of one machine done by the workers of a Dask cluster: extraction by partition, forests by lightgbm.dask."""

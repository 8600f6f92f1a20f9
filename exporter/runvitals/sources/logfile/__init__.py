"""Files that trainers write: logs, tables, TensorBoard events, MLflow stores."""

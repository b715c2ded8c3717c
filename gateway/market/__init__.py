"""Market feeds: quotes and bars as known at a market time, and the models behind them."""

"""How unusual is the newest value of a signal: channels, their learned tails, one calibrated score, one alert."""

"""How unusual the newest value of a signal is: channels, their learned tails, one calibrated score, one alert."""

"""Where the hazard of `gradient_explosion_likely` comes from: real training runs, the fit, and the report.

    python -m hazard generate FOLDER      train the runs (numpy; PyTorch too where it is installed)
    python -m hazard fit FOLDER           fit the coefficients and write detectors/hazard_coefficients.py
    python -m hazard report FOLDER        the score card of the runs that were held back, and a picture

A development tool: users need the coefficients alone, so it is not in the wheel; and what it makes is shipped, so it is
not a test. The runs are made anew by the first command and never committed.
"""

"""1 What there is: data sets read from folders, zips and CSVs; decoded with limits; at one size; split without leaks."""

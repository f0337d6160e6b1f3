"""The one fit path of all forms: observe, start, descend, resample, judge."""

"""Forms: one file per functional form, each a record that the one fit path takes."""

//! How findings are shown: graphical, plain, JSON.

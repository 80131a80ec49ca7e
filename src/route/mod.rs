//! Which route a request takes: patterns, their set relations, the priority order, and the match tree.

//! Tests of the whole: the walls between the rooms, and the program as a
//! person runs it.

mod walls;

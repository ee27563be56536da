//! Rules of the house that a program can check: structure, absences, documents.

mod code;
mod documents;
mod floors;
mod layers;
mod migrations;
mod page;
mod reference;
mod tree;

//! Rules of the house that a program can check: structure, absences, documents.

mod code;
mod documents;
mod floors;
mod layers;
mod markdown;
mod migrations;
mod reference;
mod tree;

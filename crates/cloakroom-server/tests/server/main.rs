//! The server binary, seen from outside: over plain HTTP, behind nginx, in a browser, and when it
//! is killed.

mod account;
mod admin;
mod csrf;
mod edges;
mod login;
mod people;
mod setup;
mod support;

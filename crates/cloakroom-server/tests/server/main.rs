//! The server binary, seen from outside: over plain HTTP, behind nginx, in a browser, and when it
//! is killed.

mod account;
mod admin;
mod auth_nginx;
mod browser;
mod crash;
mod csrf;
mod demo;
mod device;
mod edges;
mod fsync;
mod hostile;
mod login;
mod looks;
mod nginx;
mod outage;
mod people;
mod secrets;
mod setup;
mod support;

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
mod events;
mod fsync;
mod hostile;
mod login;
mod looks;
mod metrics;
mod nginx;
mod openapi;
mod outage;
mod people;
mod secrets;
mod setup;
mod support;
mod v1;
mod v1_data;
mod v1_hostile;
mod v1_keys;
mod v1_races;
mod v1_retries;
mod v1_users;

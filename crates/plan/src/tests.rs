//! Plans against a small world whose server-side apply is the genuine one.

mod brake;
mod changes;
mod definitions;
mod dependencies;
mod drift;
mod gate;
mod ignore;
mod planning;
mod properties;
mod settling;
mod take_over;
mod world;

//! What people are told: `/api/v1/notices`, `/api/v1/notices/unsubscribe` and `/admin/api/notices`.

mod settings;

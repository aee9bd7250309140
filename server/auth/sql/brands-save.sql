-- Publishes a Bundle; whether there was none before.
insert into auth_brands (content, identifier, updated_at)
values ($1, $2::jsonb, to_timestamp($3::float8))
on conflict (one) do update set
  content = excluded.content, identifier = excluded.identifier, updated_at = excluded.updated_at
returning xmax = 0

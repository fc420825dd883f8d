-- A database as the older design made it, with rows as years of use leave them: made for the tests.
create schema original;
set search_path to original;

create table gmaps_campaigns (
  id uuid primary key, name text, description text, keywords text[], location text,
  coverage_profile varchar(20), status varchar(20), target_zip_count int, actual_zip_count int,
  estimated_cost numeric(10, 2), actual_cost numeric(10, 2), google_maps_cost numeric(10, 2),
  facebook_cost numeric(10, 2), linkedin_enrichment_cost numeric(10, 2),
  bouncer_verification_cost numeric(10, 2), total_businesses_found int, created_by text,
  team_color text, created_at timestamp, updated_at timestamp
);
create table gmaps_campaign_coverage (
  id uuid primary key, campaign_id uuid, zip_code varchar(10), keywords text, max_results int,
  scraped boolean, scraped_at timestamptz, businesses_found int, emails_found int,
  actual_cost numeric(10, 2), created_at timestamptz
);
create table gmaps_businesses (
  id uuid primary key, campaign_id uuid, zip_code text, place_id text, name text, company text,
  address text, latitude numeric, longitude numeric, phone text, website text, email text,
  email_source text, category text, rating numeric, reviews_count int, facebook_url text,
  linkedin_url text, needs_enrichment boolean, enrichment_status text, email_verified boolean,
  bouncer_status text, bouncer_score numeric, bouncer_reason text, is_safe boolean,
  bouncer_verified_at timestamptz, raw_data jsonb, scraped_at timestamptz, created_at timestamptz,
  updated_at timestamptz
);
create table gmaps_facebook_enrichments (
  id uuid primary key, business_id uuid, campaign_id uuid, facebook_url text, page_name text,
  page_likes int, emails text[], primary_email text, phone_numbers text[], success boolean,
  raw_data jsonb, scraped_at timestamptz, created_at timestamptz
);
create table gmaps_linkedin_enrichments (
  id uuid primary key, business_id uuid, campaign_id uuid, linkedin_url text, profile_type text,
  person_name text, emails_found text[], emails_generated text[], primary_email text,
  email_source text, success boolean, raw_data jsonb, enriched_at timestamptz, created_at timestamptz
);
create table gmaps_email_verifications (
  id uuid primary key, business_id uuid, facebook_enrichment_id uuid, email text, source text,
  status text, score numeric, is_safe boolean, bouncer_reason text, raw_response jsonb,
  verified_at timestamptz, created_at timestamptz
);
create table gmaps_api_costs (
  id uuid primary key, campaign_id uuid, service text, items_processed int, cost_usd numeric,
  actor_run text, metadata jsonb, incurred_at timestamptz, created_at timestamptz
);

insert into gmaps_campaigns values
  ('00000000-0000-0000-0000-0000000000c1', 'Helsinki', null, '{cafe}', 'Helsinki', 'balanced', 'active', 2, 2, 1.25,
   0.02, 0.02, 0, 0, 0, 99, 'anna@agency.example', 'blue', '2025-01-01 10:00', '2025-02-01 10:00'),
  ('00000000-0000-0000-0000-0000000000c2', ' ', null, null, null, 'all of it', 'completed', -1, 0, null,
   0, 0, 0, 0, 0, 0, 'system', null, '2025-01-02', null);
insert into gmaps_campaign_coverage values
  ('00000000-0000-0000-0000-000000000201', '00000000-0000-0000-0000-0000000000c1', '00100', 'cafe, bar', 200, true, now(), 2, 1, 0.01, '2025-01-01'),
  ('00000000-0000-0000-0000-000000000202', '00000000-0000-0000-0000-0000000000c1', '00100', null, -5, false, null, 0, 0, 0, '2024-01-01'),
  ('00000000-0000-0000-0000-000000000203', '00000000-0000-0000-0000-0000000000ff', '00200', null, 10, false, null, 0, 0, 0, '2024-01-01');
insert into gmaps_businesses (id, campaign_id, zip_code, place_id, name, company, latitude, email, email_source, rating, enrichment_status, email_verified, bouncer_status, bouncer_reason, raw_data, created_at, updated_at) values
  ('00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000c1', '00100', 'place-1', 'Kahvila', 'Kahvila Oy', 60.17, 'old@kahvila.fi', 'Google Maps', 4.5, 'enriched', true, null, 'accepted_email', '{"stars": 4.5, "n": [1, 0.25]}', '2025-01-01', '2025-01-05'),
  ('00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-0000000000c1', '00120', 'place-1', 'Kahvila', null, 60.17, null, null, 'NaN', 'weird', null, null, null, '[1, 2]', '2025-01-01', '2024-12-31'),
  ('00000000-0000-0000-0000-0000000000b3', '00000000-0000-0000-0000-0000000000c1', '00120', null, 'Baari', null, 99, 'info@baari.fi', 'guess', -1, 'pending', false, null, null, '{"cid": "77"}', '2025-01-03', null),
  ('00000000-0000-0000-0000-0000000000b4', '00000000-0000-0000-0000-0000000000c1', '00120', 'place-4', null, null, null, null, null, null, null, null, null, null, null, '2025-01-03', null);
insert into gmaps_facebook_enrichments values
  ('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000c1', 'https://facebook.com/k', 'Old page', 10, '{early@kahvila.fi}', null, null, true, null, '2025-01-02', '2025-01-02'),
  ('00000000-0000-0000-0000-0000000000f2', '00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-0000000000c1', 'https://facebook.com/k', 'New page', 11, '{new@kahvila.fi}', 'new@kahvila.fi', null, true, '{"likes": 11}', '2025-01-03', '2025-01-03'),
  ('00000000-0000-0000-0000-0000000000f3', '00000000-0000-0000-0000-0000000000b4', '00000000-0000-0000-0000-0000000000c1', null, null, null, null, null, null, false, null, '2025-01-03', '2025-01-03');
insert into gmaps_linkedin_enrichments values
  ('00000000-0000-0000-0000-0000000000e1', '00000000-0000-0000-0000-0000000000b1', '00000000-0000-0000-0000-0000000000c1', 'https://linkedin.com/in/x', 'person', 'Aino', null, '{aino@kahvila.fi}', null, 'linkedin_public', true, null, '2025-01-04', '2025-01-04');
insert into gmaps_email_verifications values
  ('00000000-0000-0000-0000-000000000501', '00000000-0000-0000-0000-0000000000b2', '00000000-0000-0000-0000-0000000000f2', 'new@kahvila.fi', 'facebook', 'deliverable', 98, true, 'accepted_email', '{"score": 98}', '2025-01-06', '2025-01-06'),
  ('00000000-0000-0000-0000-000000000502', '00000000-0000-0000-0000-0000000000b1', null, ' ', null, null, null, null, null, null, '2025-01-06', '2025-01-06');
insert into gmaps_api_costs values
  ('00000000-0000-0000-0000-000000000601', '00000000-0000-0000-0000-0000000000c1', 'google_maps', 2, 0.0070, 'run-1', '{"idempotency_key": "k"}', '2025-01-01', '2025-01-01'),
  ('00000000-0000-0000-0000-000000000602', '00000000-0000-0000-0000-0000000000c1', 'bouncer', -3, 0.0083, null, '{"idempotency_key": "k"}', '2025-01-01', '2025-01-01'),
  ('00000000-0000-0000-0000-000000000603', '00000000-0000-0000-0000-0000000000c1', 'hunter', 1, 0.5, null, null, '2025-01-01', '2025-01-01'),
  ('00000000-0000-0000-0000-000000000604', '00000000-0000-0000-0000-0000000000c1', 'facebook', 1, 'NaN', null, null, '2025-01-01', '2025-01-01');
